// The server's database, edited behind its back: the rig "db" of the security requirements. Python's sqlite3 is used because every
// machine that builds Sotto has it, and it shares the file's locks with the running server.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const SCRIPT = `
import json, sqlite3, sys
path, sql, args = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
connection = sqlite3.connect(path, timeout=20)
cursor = connection.execute(sql, [bytes.fromhex(a["hex"]) if isinstance(a, dict) else a for a in args])
rows = [[v.hex() if isinstance(v, bytes) else v for v in row] for row in cursor.fetchall()]
connection.commit()
print(json.dumps({"rows": rows, "changed": cursor.rowcount}))
`;

export type Value = string | number | null | { hex: string };

interface Answer {
  /** Byte strings come as hex. */
  rows: (string | number | null)[][];
  changed: number;
}

/** Runs one statement on the database in `dataDir`. */
export function sql(dataDir: string, statement: string, ...values: Value[]): Answer {
  const file = readdirSync(dataDir).find((name) => /\.(db|sqlite3?)$/.test(name));
  if (!file) throw new Error(`no database in ${dataDir}: ${readdirSync(dataDir).join(" ")}`);
  const output = execFileSync("python3", ["-c", SCRIPT, join(dataDir, file), statement, JSON.stringify(values)], { encoding: "utf8" });
  return JSON.parse(output) as Answer;
}

/** Kind of application messages in `log.kind`. */
export const MESSAGE_KIND = 1;

// Unique words that must be found nowhere but on people's screens, and the search for them in every usual encoding.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A word that exists once in the world: letters and digits only, so that no escaping changes it. */
export function newMarker(kind: string): string {
  return `Mark${kind}${randomBytes(12).toString("hex")}Z`;
}

/** Where a marker was found, and as what. */
export interface Finding {
  marker: string;
  encoding: string;
  place: string;
}

/** All forms of a marker that the search knows. */
export function encodings(marker: string): [string, Buffer][] {
  const utf16 = Buffer.from(marker, "utf16le");
  const forms: [string, Buffer][] = [
    ["raw", Buffer.from(marker)],
    ["UTF-16LE", utf16],
    ["UTF-16BE", Buffer.from(utf16).swap16()],
    ["hex", Buffer.from(Buffer.from(marker).toString("hex"))],
    ["HEX", Buffer.from(Buffer.from(marker).toString("hex").toUpperCase())],
  ];
  for (const shift of [0, 1, 2]) forms.push([`base64+${shift}`, Buffer.from(base64Core(marker, shift))]);
  return forms;
}

/** The characters of a marker's base64 that do not depend on what stands around it, when it begins at byte `shift` of a group. */
function base64Core(marker: string, shift: number): string {
  const text = Buffer.from("\0".repeat(shift) + marker).toString("base64").replaceAll("=", "");
  // The first group shares bits with what comes before, the last one with what comes after.
  return text.slice(shift === 0 ? 0 : 4, Math.floor((shift + marker.length) / 3) * 4);
}

/** Looks for markers in one piece of data. */
export function search(markers: string[], place: string, data: Buffer): Finding[] {
  return markers.flatMap((marker) =>
    encodings(marker)
      .filter(([, form]) => data.includes(form))
      .map(([encoding]) => ({ marker, encoding, place })),
  );
}

/** Looks for markers in every file of a folder, whatever it is: database, WAL, keys, logs. */
export async function searchFolder(markers: string[], folder: string): Promise<{ findings: Finding[]; files: string[] }> {
  const findings: Finding[] = [];
  const files: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const below = await searchFolder(markers, path);
      findings.push(...below.findings);
      files.push(...below.files);
    } else if (entry.isFile()) {
      files.push(path);
      findings.push(...search(markers, path, await readFile(path)));
    }
  }
  return { findings, files };
}

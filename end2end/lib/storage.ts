// What a script in the page can see of this browser's own data: the IndexedDB database, row by row.
import type { Page } from "@playwright/test";

export interface StoredRow {
  store: string;
  /** Key and value as hex; for a value that is no byte string, a description. */
  key: string;
  value: string;
}

/** Names of the databases that exist. */
export function databases(page: Page): Promise<string[]> {
  return page.evaluate(async () => (await indexedDB.databases()).map((database) => database.name ?? ""));
}

/** Every row of Sotto's database; none when there is no database. */
export function dump(page: Page): Promise<StoredRow[]> {
  return page.evaluate(async () => {
    const known = await indexedDB.databases();
    if (!known.some((database) => database.name === "sotto")) return [];
    const settled = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const bytes = (value: unknown): Uint8Array | undefined => {
      if (value instanceof Uint8Array) return value;
      return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
    };
    const text = (value: unknown): string => {
      const found = bytes(value);
      if (found) return [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (value instanceof CryptoKey) return `CryptoKey extractable=${value.extractable}`;
      if (typeof value === "object" && value !== null)
        return Object.entries(value)
          .map(([name, part]) => `${name}:${text(part)}`)
          .join(" ");
      return String(value);
    };
    const database = await settled(indexedDB.open("sotto"));
    const rows: { store: string; key: string; value: string }[] = [];
    for (const store of [...database.objectStoreNames]) {
      const table = database.transaction(store).objectStore(store);
      const [keys, values] = await Promise.all([settled(table.getAllKeys()), settled(table.getAll())]);
      keys.forEach((key, index) => rows.push({ store, key: text(key), value: text(values[index]) }));
    }
    database.close();
    return rows;
  });
}

/** Flips the lowest bit of a byte of a row's value. Twice is as before. */
export function flip(page: Page, store: string, keyHex: string, at: number): Promise<void> {
  return page.evaluate(
    async ([store, keyHex, at]) => {
      const settled = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const key = new Uint8Array(keyHex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []);
      const database = await settled(indexedDB.open("sotto"));
      const transaction = database.transaction(store, "readwrite");
      const ended = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      const table = transaction.objectStore(store);
      const value: Uint8Array = await settled(table.get(key));
      const index = at < 0 ? value.length + at : at;
      value[index] = (value[index] ?? 0) ^ 1;
      table.put(value, key);
      await ended;
      database.close();
    },
    [store, keyHex, at] as const,
  );
}

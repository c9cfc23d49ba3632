// The system's Chromium, told to leave the internet alone.

/** How it is started; `more` comes after our own flags. */
export function launchOptions(more: string[] = []) {
  return {
    executablePath: process.env.SOTTO_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      // A worker's script that a journey has changed (lib/workers.ts) comes from no address, so that its socket to this machine would
      // be one from outside the local network.
      "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  };
}

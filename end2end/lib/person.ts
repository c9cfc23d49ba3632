// A person with a browser of their own. Everything is found by the stable test ids (docs: automation contract), so that the journeys
// read as sentences and survive another look.
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  expect,
  type LaunchOptions,
  type Locator,
  type Page,
} from "@playwright/test";

export const PASSWORD = "correct horse battery staple";

/** What a message's `data-status` says. */
export type Status = "sending" | "sent" | "delivered" | "read" | "failed";

/** Lines that the browser itself prints for requests that are meant to fail. */
export const FAILED_REQUEST = {
  /** An answer with an error status. */
  status: (status: number) => new RegExp(`Failed to load resource: the server responded with a status of ${status} `),
  /** The server is away. */
  noServer: /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|CONNECTION_CLOSED|EMPTY_RESPONSE|INTERNET_DISCONNECTED|SOCKET_NOT_CONNECTED)/,
};

export class Person {
  /** Console errors and uncaught exceptions that no journey has announced. */
  readonly surprises: string[] = [];
  private readonly announced: RegExp[] = [];

  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    public page: Page,
  ) {
    this.watch(page);
  }

  /** A new browser profile for `name`. */
  static async arrive(browser: Browser, base: string, name: string, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ baseURL: base, ...options });
    return new Person(name, context, await context.newPage());
  }

  /** `name` in a browser whose profile is a folder on the disk: it can be left and come back, with everything that was in it. */
  static async atHome(folder: string, base: string, name: string, options: LaunchOptions): Promise<Person> {
    const context = await chromium.launchPersistentContext(folder, { ...options, baseURL: base });
    return new Person(name, context, context.pages()[0] ?? (await context.newPage()));
  }

  /** Counts errors of one more page of this person. */
  watch(page: Page): void {
    page.on("console", (message) => {
      if (message.type() === "error") this.note(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.note(`uncaught: ${error.message}`));
  }

  /** Says that lines like this may come up in this journey. */
  expectErrors(...lines: RegExp[]): void {
    this.announced.push(...lines);
  }

  at(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  async goTo(path: string): Promise<void> {
    await this.page.goto(path);
  }

  // --- account ---

  /** Makes the account and comes to rest in the empty chat. Answers the recovery code. */
  async signUp(password = PASSWORD): Promise<string> {
    await this.goTo("/signup");
    await this.trySignUp(this.name, password);
    const code = await this.takeRecoveryCode();
    await this.expectSignedIn();
    return code;
  }

  /** Fills in and sends the form that makes an account. */
  async trySignUp(name = this.name, password = PASSWORD): Promise<void> {
    await this.at("signup-username").fill(name);
    await this.at("signup-password").fill(password);
    await this.at("signup-submit").click();
  }

  /** Notes the code that is shown once, and goes on. */
  async takeRecoveryCode(): Promise<string> {
    await expect(this.at("recovery-code")).toBeVisible();
    const code = (await this.at("recovery-code").innerText()).trim();
    await this.at("recovery-done").click();
    return code;
  }

  async signIn(password = PASSWORD): Promise<void> {
    await this.trySignIn(password);
    await this.expectSignedIn();
  }

  async trySignIn(password: string): Promise<void> {
    if (!(await this.at("signin-username").isVisible())) await this.goTo("/");
    await this.at("signin-username").fill(this.name);
    await this.at("signin-password").fill(password);
    await this.at("signin-submit").click();
  }

  async expectSignedIn(): Promise<void> {
    await expect(this.at("me-username")).toContainText(this.name);
    await expect(this.at("me-username")).toBeVisible();
  }

  async expectSignedOut(): Promise<void> {
    await expect(this.at("signin-submit")).toBeEnabled();
  }

  async signOut(what: "keep" | "wipe"): Promise<void> {
    await this.at("signout").click();
    // The page loads anew when the server has heard of it.
    const anew = this.page.waitForEvent("load");
    await this.at(`signout-${what}`).click();
    await anew;
    await this.expectSignedOut();
  }

  /** Signs out, keeps the messages, and lets somebody else ask for an account in this browser. */
  async lendTo(name: string): Promise<void> {
    await this.signOut("keep");
    await this.at("signup-link").click();
    await this.trySignUp(name);
  }

  async openSettings(): Promise<void> {
    await this.at("settings-open").click();
    await expect(this.at("devices-list")).toBeVisible();
  }

  async closeDialog(): Promise<void> {
    await this.at("dialog-close").click();
    await expect(this.at("dialog-close")).toHaveCount(0);
  }

  /** In the settings: replaces the password. */
  async changePassword(current: string, next: string): Promise<void> {
    await this.openSettings();
    await this.at("current-password").fill(current);
    await this.at("new-password").fill(next);
    await this.at("change-password").click();
    await expect(this.at("password-changed")).toHaveAttribute("data-done", "true");
    await this.closeDialog();
  }

  async reload(): Promise<void> {
    await this.page.reload();
  }

  /** Closes the tab; the browser profile stays. */
  async closeTab(): Promise<void> {
    await this.page.close();
  }

  /** Opens Sotto in a new tab, which is the person's tab from now on. */
  async openTab(): Promise<void> {
    this.page = await this.context.newPage();
    this.watch(this.page);
    await this.goTo("/");
  }

  // --- talk ---

  /** Opens the room with a person through the recipient box; one's own name opens the notes. */
  async openRoomWith(name: string): Promise<void> {
    await this.at("new-chat").click();
    await this.at("recipient-input").fill(name);
    await this.page.locator(`[data-testid="recipient-option"][data-name="${name}"]`).click();
    await expect(this.at("room-title")).toHaveText(name === this.name ? "Notes to yourself" : name);
    await expect(this.at("composer-input")).toBeEditable();
  }

  /** The row of a room in the list. */
  room(name: string): Locator {
    return this.page.locator(`[data-testid="room-item"][data-name="${name}"]`);
  }

  /** Opens a room from the list; a stranger's request is taken on. */
  async enterRoom(name: string): Promise<void> {
    await this.lookAt(name);
    const accept = this.page.locator("main").getByTestId("request-accept");
    // Another browser of the person may have accepted it, which this one hears of in a moment.
    if (await accept.isVisible()) await accept.click({ timeout: 2_000 }).catch(() => undefined);
    await expect(accept).toHaveCount(0);
  }

  /** Opens a room from the list, and leaves a request what it is. */
  async lookAt(name: string): Promise<void> {
    await this.room(name).locator("button.room").click();
    await expect(this.at("room-title")).toContainText(name);
  }

  /** Takes a stranger's request on, from the list. */
  async accept(name: string): Promise<void> {
    await this.room(name).getByTestId("request-accept").click();
    await expect(this.room(name).getByTestId("request-accept")).toHaveCount(0);
  }

  /** Blocks a stranger or deletes the request, from the list: asked once more before it is done. */
  async refuse(name: string, how: "block" | "delete"): Promise<void> {
    const button = this.room(name).getByTestId(`request-${how}`);
    await button.click();
    await button.click();
    await expect(this.room(name)).toHaveCount(0);
  }

  async send(text: string): Promise<void> {
    await this.at("composer-input").fill(text);
    await this.at("composer-send").click();
    await this.expectMessage(text);
    await expect(this.at("composer-input")).toHaveValue("");
  }

  /** A message by its exact text. */
  message(text: string): Locator {
    return this.at("message").filter({ has: this.page.getByTestId("message-text").filter({ hasText: exactly(text) }) });
  }

  /** The message is there once, in this state or (states only rise) in a later one when `status` is a list. */
  async expectMessage(text: string, status?: Status | Status[]): Promise<void> {
    await expect(this.message(text)).toHaveCount(1);
    if (!status) return;
    const wanted = [status].flat().join("|");
    await expect(this.message(text)).toHaveAttribute("data-status", new RegExp(`^(${wanted})$`));
  }

  async expectNoMessage(text: string): Promise<void> {
    await expect(this.message(text)).toHaveCount(0);
  }

  /** Texts of the timeline, from the top. */
  async texts(): Promise<string[]> {
    return this.at("message-text").allInnerTexts();
  }

  async expectOnline(): Promise<void> {
    await this.expectConnection("online");
  }

  async expectConnection(...states: string[]): Promise<void> {
    await expect(this.at("connection-status")).toHaveAttribute("data-state", new RegExp(`^(${states.join("|")})$`));
  }

  /** Opens the panel "what the server sees" of a message. */
  async inspect(text: string): Promise<Locator> {
    await this.message(text).hover();
    await this.message(text).getByTestId("message-menu").click();
    await this.at("message-inspect").click();
    return this.at("server-view");
  }

  /** Opens the lock of the open room and reads the safety number: 60 digits. */
  async safetyNumber(): Promise<string> {
    if (!(await this.at("safety-number").isVisible())) await this.at("lock-badge").click();
    await expect(this.at("safety-number")).toBeVisible();
    return (await this.at("safety-number").innerText()).replace(/\s/g, "");
  }

  // --- the end ---

  /** Fails on every error that no journey has announced, and closes the browser profile. */
  async leave(): Promise<void> {
    await this.context.close();
    expect(this.surprises, `${this.name}'s console`).toEqual([]);
  }

  private note(line: string): void {
    if (!this.announced.some((pattern) => pattern.test(line))) this.surprises.push(line);
  }
}

function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*$`);
}

/** An answer other than 200, as REST and WebSocket spell it. */
export class Refusal extends Error {
  constructor(status, slug, message) {
    super(message);
    this.status = status;
    this.slug = slug;
  }

  /** What a failure is to the client; one that nobody foresaw is the server's. */
  static from(error) {
    if (error instanceof Refusal) return error;
    if (error instanceof SyntaxError) return new Refusal(400, 'invalid_json', 'Send JSON.');
    return new Refusal(error.status ?? 500, 'internal', error.message);
  }

  body() {
    return { code: this.status, error: this.slug, message: this.message };
  }
}

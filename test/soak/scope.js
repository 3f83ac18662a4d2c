// What a promise is tried in: whatever it makes ends with it, in reverse order. Stands where a test's `t` does.
export class Scope {
  #ends = [];

  after(end) {
    this.#ends.push(end);
  }

  async end() {
    for (const end of this.#ends.reverse()) await end();
  }
}

/** Answers of the directory that are kept and only asked for anew if they have changed (RFC 9110 section 13.1.2). */

export interface KeptAnswer {
  readonly etag: string;
  readonly body: string;
}

/**
 * The newest bodies by address, with their tags. Each is asked about every time, so nothing old is ever given out.
 *
 * Only the directory is kept: it holds nothing of patients. Bodies are kept as text, so what one caller does with an
 * answer is not seen by the next.
 */
export class KeptAnswers {
  private readonly answers = new Map<string, KeptAnswer>();

  constructor(private readonly answersMax = 256) {}

  /** Give what is kept of an address. */
  find(address: string): KeptAnswer | undefined {
    const found = this.answers.get(address);
    if (found !== undefined) this.keep(address, found);
    return found;
  }

  /** Keep a body; the one not asked for longest gives way. */
  keep(address: string, answer: KeptAnswer): void {
    this.answers.delete(address);
    this.answers.set(address, answer);
    for (const oldest of this.answers.keys()) {
      if (this.answers.size <= this.answersMax) return;
      this.answers.delete(oldest);
    }
  }
}

/**
 * For calls of uni that may fail without harm, as naming a screen that was left meanwhile: without `fail`, uni answers
 * with a promise, and one that is refused and heard by nobody is a fault of the page.
 */
export const quiet = { fail: (): void => undefined };

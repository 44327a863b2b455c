/** In place of uni-app's hooks: a screen that a test opens, hides, shows and leaves. */
type Hook = (values?: Record<string, string>) => void;
type Happening = "load" | "show" | "hide" | "unload" | "pull";

/** One screen; what is used while it is `set up` listens to it. */
export class ScreenUnderTest {
  private readonly hooks = new Map<Happening, Hook[]>();

  static setUp<T>(use: () => T): { screen: ScreenUnderTest; used: T } {
    const screen = new ScreenUnderTest();
    present = screen;
    try {
      return { screen, used: use() };
    } finally {
      present = null;
    }
  }

  listen(happening: Happening, hook: Hook): void {
    this.hooks.set(happening, [...(this.hooks.get(happening) ?? []), hook]);
  }

  happens(happening: Happening): void {
    this.hooks.get(happening)?.forEach((hook) => hook({}));
  }
}

let present: ScreenUnderTest | null = null;

const hookOf =
  (happening: Happening) =>
  (hook: Hook): void => {
    if (!present) {
      throw new Error("hooks belong to a screen: see ScreenUnderTest.setUp");
    }
    present.listen(happening, hook);
  };

export const onLoad = hookOf("load");
export const onShow = hookOf("show");
export const onHide = hookOf("hide");
export const onUnload = hookOf("unload");
export const onPullDownRefresh = hookOf("pull");

/**
 * A phone as far as the compiled mini-program touches one: the functions of `wx`, a stack of screens, a storage.
 *
 * It is not WeChat. Whatever a page calls that is not here is a complaint, so that nothing passes by being ignored.
 * `loadPage(route)` gives a page drawn by WeChat's component framework; everything else is plain JavaScript and runs in
 * Node and in a browser alike.
 */

const METHODS = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"];
const DEEPEST = 10;
const [FROM_ITS_ICON, FROM_ANOTHER] = [1001, 1038];

function makePhone({ origin, tabs, loadPage, language, askNetwork = fetch }) {
  const state = {
    storage: new Map(),
    stack: [],
    opened: new Map(),
    calls: [],
    complaints: [],
    said: [],
    title: "",
    tabTexts: [],
    isOnline: true,
    willAnswer: {},
    heardNetwork: [],
    heardShow: [],
    app: null,
  };

  const complain = (what) => state.complaints.push(String((what && what.stack) || what));

  /** Answer as WeChat does: one of success and fail, then complete, never before the caller has returned. */
  function settle(name, options, outcome) {
    const { fail, ...result } = outcome;
    const isRefused = fail !== undefined;
    const told = { errMsg: isRefused ? fail : `${name}:ok`, ...result };
    setTimeout(() => {
      try {
        (isRefused ? options.fail : options.success)?.(told);
        options.complete?.(told);
      } catch (error) {
        complain(error);
      }
    }, 0);
  }

  /** A function of WeChat's that asks the person or the device; a test says with `answer` what they say. */
  function asked(name, usual = {}) {
    return (options = {}) => {
      const given = Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value !== "function"));
      state.calls.push({ name, given: JSON.parse(JSON.stringify(given)) });
      settle(name, options, state.willAnswer[name] ?? (typeof usual === "function" ? usual(options) : usual));
    };
  }

  async function overTheWire(options, task) {
    const { url, method = "GET", header = {}, data, timeout = 60_000, enableChunked } = options;
    if (!METHODS.includes(method)) {
      return { fail: `request:fail invalid method "${method}"` };
    }
    // A build that was not told where the platform is asks for a path; WeChat wants the host before it.
    const address = url.startsWith("/") ? origin + url : url;
    if (!address.startsWith(`${origin}/`)) {
      return { fail: "request:fail url not in domain list" };
    }
    if (!state.isOnline) {
      return { fail: "request:fail net::ERR_INTERNET_DISCONNECTED" };
    }
    const waiting = setTimeout(() => task.control.abort("timeout"), timeout);
    try {
      const answer = await askNetwork(address, {
        method,
        headers: header,
        signal: task.control.signal,
        cache: "no-store",
        ...(data === undefined ? {} : { body: typeof data === "string" ? data : JSON.stringify(data) }),
      });
      if (enableChunked) {
        for await (const piece of answer.body) {
          const data = piece.slice().buffer;
          task.hear.forEach((hear) => hear({ data }));
        }
      }
      const text = enableChunked ? "" : await answer.text();
      return { statusCode: answer.status, header: Object.fromEntries(answer.headers), data: text };
    } catch (error) {
      return { fail: `request:fail ${task.control.signal.reason ?? error.message}` };
    } finally {
      clearTimeout(waiting);
    }
  }

  function request(options) {
    const task = { control: new AbortController(), hear: [] };
    void overTheWire(options, task).then((outcome) => settle("request", options, outcome));
    return {
      abort: () => task.control.abort("abort"),
      onChunkReceived: (hear) => task.hear.push(hear),
    };
  }

  // --- screens

  const top = () => state.stack[state.stack.length - 1];

  function lifecycle(page, name, ...values) {
    try {
      page.instance[name]?.(...values);
    } catch (error) {
      complain(error);
    }
  }

  function show(page) {
    page.put();
    lifecycle(page, "onShow");
    if (!page.isReady) {
      page.isReady = true;
      lifecycle(page, "onReady");
    }
  }

  function leave(page) {
    if (!page) {
      return;
    }
    if (tabs.includes(page.route)) {
      lifecycle(page, "onHide");
      page.take();
      return;
    }
    lifecycle(page, "onUnload");
    page.take();
    page.end();
  }

  function born(route, query) {
    const page = loadPage(route);
    Object.assign(page, { route, isReady: false });
    Object.assign(page.instance, { route, options: query });
    state.opened.set(page.instance, page);
    return page;
  }

  /** WeChat hands the values over as they stand in the address, and decodes nothing. */
  function parsed(url, from) {
    const [path, search = ""] = url.split("?");
    const route = path.startsWith("/") ? path.slice(1) : new URL(path, `http://x/${from}`).pathname.slice(1);
    const pairs = search.split("&").filter(Boolean).map((pair) => {
      const at = pair.indexOf("=");
      return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    });
    return { route, query: Object.fromEntries(pairs) };
  }

  function enter(route, query) {
    const page = born(route, query);
    state.stack.push(page);
    page.put();
    lifecycle(page, "onLoad", query);
    show(page);
  }

  const moves = {
    navigateTo(url) {
      const { route, query } = parsed(url, top()?.route);
      if (tabs.includes(route)) {
        return "can not navigateTo a tabbar page";
      }
      if (state.stack.length >= DEEPEST) {
        return "webview count limit exceed";
      }
      lifecycle(top(), "onHide");
      top().take();
      enter(route, query);
    },
    redirectTo(url) {
      const { route, query } = parsed(url, top()?.route);
      if (tabs.includes(route)) {
        return "can not redirectTo a tabbar page";
      }
      leave(state.stack.pop());
      enter(route, query);
    },
    switchTab(url) {
      const { route } = parsed(url, top()?.route);
      if (!tabs.includes(route)) {
        return "can not switch to no-tabBar page";
      }
      if (top()?.route === route) {
        return;
      }
      while (state.stack.length) {
        leave(state.stack.pop());
      }
      const before = [...state.opened.values()].find((page) => page.route === route && !page.isGone);
      if (before) {
        state.stack.push(before);
        show(before);
      } else {
        enter(route, {});
      }
    },
    reLaunch(url) {
      const { route, query } = parsed(url, top()?.route);
      while (state.stack.length) {
        leave(state.stack.pop());
      }
      enter(route, query);
    },
    navigateBack(_url, { delta = 1 }) {
      for (let left = Math.min(delta, state.stack.length - 1); left > 0; left -= 1) {
        leave(state.stack.pop());
      }
      show(top());
    },
  };

  const going = Object.fromEntries(
    Object.entries(moves).map(([name, move]) => [
      name,
      (options = {}) => {
        state.calls.push({ name, given: { url: options.url } });
        // The answer comes when the new screen stands, as there.
        setTimeout(() => {
          try {
            const refused = move(options.url ?? "", options);
            settle(name, options, refused ? { fail: `${name}:fail ${refused}` } : {});
            if (refused) {
              complain(`${name} ${options.url}: ${refused}`);
            }
          } catch (error) {
            complain(error);
          }
        }, 0);
      },
    ]),
  );

  // --- wx

  const system = {
    platform: "android", brand: "test", model: "test", system: "Android 14", version: "8.0.50", SDKVersion: "3.5.0",
    language, theme: "light", fontSizeSetting: 16, pixelRatio: 2, screenWidth: 390, screenHeight: 844, windowWidth: 390,
    windowHeight: 760, statusBarHeight: 44, safeArea: { top: 44, left: 0, right: 390, bottom: 810 },
    host: { env: "WeChat" }, deviceOrientation: "portrait", fontSizeScaleFactor: 1,
  }; // prettier-ignore
  const files = {
    writeFile: (options) => settle("writeFile", options, { ...state.willAnswer.writeFile }),
    unlink: (options) => settle("unlink", options, {}),
  };
  const known = {
    ...going,
    request,
    env: { USER_DATA_PATH: "wxfile://usr" },
    canIUse: () => true,
    getSystemInfoSync: () => ({ ...system }),
    getAppBaseInfo: () => ({ ...system }),
    getDeviceInfo: () => ({ ...system }),
    getWindowInfo: () => ({ ...system }),
    getLaunchOptionsSync: () => ({ path: tabs[0], query: {}, scene: 1001 }),
    getEnterOptionsSync: () => ({ path: tabs[0], query: {}, scene: 1001 }),
    onAppShow: (hear) => state.heardShow.push(hear),
    offAppShow: (hear) => (state.heardShow = state.heardShow.filter((one) => one !== hear)),
    onAppHide: () => undefined,
    setStorage(options) {
      state.storage.set(options.key, JSON.stringify(options.data));
      settle("setStorage", options, {});
    },
    setStorageSync: (name, value) => void state.storage.set(name, JSON.stringify(value)),
    getStorageSync: (name) => (state.storage.has(name) ? JSON.parse(state.storage.get(name)) : ""),
    removeStorageSync: (name) => void state.storage.delete(name),
    getStorageInfoSync: () => ({ keys: [...state.storage.keys()], currentSize: 1, limitSize: 10_240 }),
    getRandomValues: ({ length, ...options }) =>
      settle("getRandomValues", options, { randomValues: crypto.getRandomValues(new Uint8Array(length)).buffer }),
    getNetworkType: (options) => settle("getNetworkType", options, { networkType: state.isOnline ? "wifi" : "none" }),
    onNetworkStatusChange: (hear) => state.heardNetwork.push(hear),
    setNavigationBarTitle(options) {
      state.title = options.title;
      settle("setNavigationBarTitle", options, {});
    },
    setTabBarItem(options) {
      state.tabTexts[options.index] = options.text;
      settle("setTabBarItem", options, {});
    },
    pageScrollTo(options) {
      settle("pageScrollTo", options, {});
    },
    showToast(options) {
      state.said.push(options.title);
      settle("showToast", options, {});
    },
    showModal: asked("showModal", { confirm: true, cancel: false }),
    showActionSheet: asked("showActionSheet", { tapIndex: 0 }),
    login: asked("login", { fail: "login:fail no code was given to the phone" }),
    navigateToMiniProgram: asked("navigateToMiniProgram"),
    requestPayment: asked("requestPayment", { fail: "requestPayment:fail cancel" }),
    requestSubscribeMessage: asked("requestSubscribeMessage", { fail: "requestSubscribeMessage:fail no answer" }),
    getLocation: asked("getLocation", { fail: "getLocation:fail auth deny" }),
    openLocation: asked("openLocation"),
    makePhoneCall: asked("makePhoneCall"),
    setClipboardData: asked("setClipboardData"),
    vibrateLong: asked("vibrateLong"),
    shareFileMessage: asked("shareFileMessage"),
    getFileSystemManager: () => files,
  };
  for (const name of [
    "setTabBarStyle", "setTabBarBadge", "removeTabBarBadge", "setNavigationBarColor", "setBackgroundColor",
    "stopPullDownRefresh", "hideToast", "preloadAssets", "showLoading", "hideLoading",
  ]) {
    known[name] = (options = {}) => settle(name, options, {});
  } // prettier-ignore

  const wx = new Proxy(known, {
    get(held, name) {
      if (typeof name === "string" && !(name in held) && !/^(\$|__|create[A-Z]|toJSON|then)/.test(name)) {
        state.missing ??= new Set();
        state.missing.add(name);
      }
      return held[name];
    },
  });

  return {
    state,
    wx,
    complain,
    getCurrentPages: () => state.stack.map((page) => page.instance),
    top,
    /** Start it, at a screen, as its icon or a shared card does. */
    launch(app, url) {
      state.app = app;
      const { route, query } = parsed(`/${url}`);
      const options = { path: route, query, scene: 1001 };
      try {
        app.onLaunch?.(options);
        app.onShow?.(options);
      } catch (error) {
        complain(error);
      }
      enter(route, query);
    },
    reopen: (url) => moves.reLaunch(`/${url}`),
    back: () => moves.navigateBack("", {}),
    /** Put it into a pocket and take it out again; or come back from another mini-program, which says something. */
    comeBack(referrerInfo) {
      const shown = { path: top().route, query: {}, scene: referrerInfo ? FROM_ANOTHER : FROM_ITS_ICON };
      const told = referrerInfo ? { ...shown, referrerInfo } : shown;
      lifecycle(top(), "onHide");
      state.app.onHide?.();
      state.app.onShow?.(told);
      state.heardShow.forEach((hear) => hear(told));
      lifecycle(top(), "onShow");
    },
    pull: () => lifecycle(top(), "onPullDownRefresh"),
    answer: (name, outcome) => void (state.willAnswer[name] = outcome),
    network(isOnline) {
      state.isOnline = isOnline;
      state.heardNetwork.forEach((hear) => hear({ isConnected: isOnline, networkType: isOnline ? "wifi" : "none" }));
    },
    seen: () => ({
      route: top()?.route ?? "",
      routes: state.stack.map((page) => page.route),
      title: state.title,
      tabs: state.tabTexts,
      said: state.said,
      calls: state.calls,
      complaints: state.complaints,
      stored: [...state.storage.keys()],
      missing: [...(state.missing ?? [])],
    }),
  };
}

module.exports = { makePhone };

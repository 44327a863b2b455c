/** In which of the two the app runs. Only this folder asks. */
let wechat = false;
// #ifdef MP-WEIXIN
wechat = true;
// #endif

export const isWechat = wechat;

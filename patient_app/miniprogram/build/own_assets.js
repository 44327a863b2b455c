/**
 * Keeps every picture, font and stylesheet of other people's hosts out of the app.
 *
 * A hospital's page asks nobody but the hospital: a stranger's host learns who reads what, and may be away. The kit's
 * icon font lies on such a host, so its few icons are drawn by `src/design/kit-icons.scss` instead.
 */
const KIT_ICON = "wot-design-uni/components/wd-icon/wd-icon.vue";
const KIT_ICON_STYLE = "@import './index.scss';";
const OWN_ICON_STYLE = "@import '@/design/kit-icons.scss';";

/** Addresses of others in what uni-app and Vue bring along: pictures that nobody sees, and links in their warnings. */
const STRANGERS = [
  [/url\(["']?https:\/\/cdn\.dcloud\.net\.cn\/[^)]*\)/g, "none"],
  [/https:\/\/vuejs\.org\/error-reference\/#runtime-/g, "vue-error-"],
  [/\(https:\/\/uniapp\.dcloud\.net\.cn\/[^)]*\)/g, ""],
];

function ownAssets() {
  return {
    name: "hospital:own-assets",
    enforce: "pre",
    transform(code, id) {
      if (!id.split("?")[0].endsWith(KIT_ICON) || id.includes("?")) {
        return null;
      }
      if (!code.includes(KIT_ICON_STYLE)) {
        throw new Error("The kit's icon no longer imports its style as it did: see build/own_assets.js.");
      }
      return { code: code.replace(KIT_ICON_STYLE, OWN_ICON_STYLE), map: null };
    },
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          const field = file.type === "chunk" ? "code" : "source";
          if (typeof file[field] === "string") {
            file[field] = STRANGERS.reduce((text, [stranger, ours]) => text.replace(stranger, ours), file[field]);
          }
        }
      },
    },
  };
}

module.exports = { ownAssets };

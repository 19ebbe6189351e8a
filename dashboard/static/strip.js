// An architecture as a strip: a block for each stage, coloured by mixer, as high as it is wide, cut by depth.

const SVG = "http://www.w3.org/2000/svg";
// Okabe and Ito's palette and some more, told apart by people who see colours otherwise; letters tell them too.
const COLOURS = {
  pool: "#56b4e9",
  conv: "#e69f00",
  attention: "#cc79a7",
  depthwise: "#f0e442",
  spatial_mlp: "#009e73",
  dense_conv: "#d55e00",
  inverted_bottleneck: "#80cbc4",
  fused_inverted_bottleneck: "#bcaaa4",
  token_mlp: "#8fbc8f",
  fourier: "#b39ddb",
  grid_fourier: "#9fa8da",
  random: "#b0a090",
  identity: "#c4c9ce",
};
const OTHERS = ["#d55e00", "#80cbc4", "#ce93d8", "#bcaaa4", "#aed581"];
const LEAST = 8;
const MOST = 256;

export function colour(mixer) {
  if (mixer in COLOURS) return COLOURS[mixer];
  let sum = 0;
  for (const letter of mixer) sum = (sum * 31 + letter.codePointAt(0)) % 1009;
  return OTHERS[sum % OTHERS.length];
}

export function spelled(stage) {
  const options = Object.entries(stage.options ?? {}).map(([name, value]) => `${name}=${value}`);
  return options.length ? `${stage.mixer}(${options.join(",")})` : stage.mixer;
}

export function described(stages) {
  return stages.map((
    stage,
  ) => (stage.depth ? `${spelled(stage)} ×${stage.depth} at ${stage.width}` : `no blocks at ${stage.width}`)).join(
    ", ",
  );
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function strip(stages, width = 150, height = 30) {
  const slot = width / stages.length;
  const blocks = stages.flatMap((stage, index) => {
    const share = Math.log(stage.width / LEAST) / Math.log(MOST / LEAST);
    const tall = height * (0.3 + 0.7 * Math.min(1, Math.max(0, share)));
    const wide = (slot - 4) / stage.depth;
    const top = height - tall;
    const segments = Array.from(
      { length: stage.depth },
      (_, number) =>
        svg("rect", {
          x: index * slot + number * wide,
          y: top,
          width: Math.max(1, wide - 1),
          height: tall,
          fill: colour(stage.mixer),
        }),
    );
    const letter = svg("text", {
      x: index * slot + (slot - 4) / 2,
      y: height - 4,
      "text-anchor": "middle",
      "font-size": 11,
      fill: "#10181f",
      "font-weight": 600,
    });
    letter.textContent = stage.depth ? stage.mixer[0].toUpperCase() : "-";
    return [...segments, letter];
  });
  const drawn = svg("svg", {
    class: "strip",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": described(stages),
  });
  const title = svg("title", {});
  title.textContent = described(stages);
  drawn.append(title, ...blocks);
  return drawn;
}

export function swatch(mixer) {
  return svg(
    "svg",
    { viewBox: "0 0 10 10", "aria-hidden": "true" },
    svg("rect", { width: 10, height: 10, rx: 2, fill: colour(mixer) }),
  );
}

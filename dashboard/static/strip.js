// An architecture as a strip: a bar for each stage, coloured by mixer, as high as its width, with a segment per block.

const SVG = "http://www.w3.org/2000/svg";
// Okabe and Ito's palette and more, distinguishable with colour blindness; letters identify mixers as well.
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
  window_attention: "#f48fb1",
  pooled_attention: "#ba68c8",
  linear_attention: "#e57373",
  single_head_attention: "#d4a5c9",
  rep_mixer: "#0072b2",
  inception_depthwise: "#c0ca33",
  gated_conv: "#ffb74d",
  state_space: "#4db6ac",
};
const OTHERS = ["#d55e00", "#80cbc4", "#ce93d8", "#bcaaa4", "#aed581"];
// Widths at which a bar has its smallest and its full height.
const MIN_WIDTH = 8;
const MAX_WIDTH = 256;

export function colour(mixer) {
  if (mixer in COLOURS) return COLOURS[mixer];
  let hash = 0;
  for (const letter of mixer) hash = (hash * 31 + letter.codePointAt(0)) % 1009;
  return OTHERS[hash % OTHERS.length];
}

export function mixerLabel(stage) {
  const options = Object.entries(stage.options ?? {}).map(([name, value]) => `${name}=${value}`);
  return options.length ? `${stage.mixer}(${options.join(",")})` : stage.mixer;
}

function stageLabel(stage) {
  return stage.depth ? `${mixerLabel(stage)} ×${stage.depth} at ${stage.width}` : `no blocks at ${stage.width}`;
}

export function layoutLabel(stages) {
  return stages.map(stageLabel).join(", ");
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function strip(stages, width = 150, height = 30) {
  const slotWidth = width / stages.length;
  const blocks = stages.flatMap((stage, index) => {
    const share = Math.log(stage.width / MIN_WIDTH) / Math.log(MAX_WIDTH / MIN_WIDTH);
    const barHeight = height * (0.3 + 0.7 * Math.min(1, Math.max(0, share)));
    const segmentWidth = (slotWidth - 4) / stage.depth;
    const top = height - barHeight;
    const segments = Array.from({ length: stage.depth }, (_, number) =>
      svg("rect", {
        x: index * slotWidth + number * segmentWidth,
        y: top,
        width: Math.max(1, segmentWidth - 1),
        height: barHeight,
        fill: colour(stage.mixer),
      }));
    const letter = svg("text", {
      x: index * slotWidth + (slotWidth - 4) / 2,
      y: height - 4,
      "text-anchor": "middle",
      "font-size": 11,
      fill: "#10181f",
      "font-weight": 600,
    });
    letter.textContent = stage.depth ? stage.mixer[0].toUpperCase() : "-";
    return [...segments, letter];
  });
  const drawing = svg("svg", {
    class: "strip",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": layoutLabel(stages),
  });
  const title = svg("title", {});
  title.textContent = layoutLabel(stages);
  drawing.append(title, ...blocks);
  return drawing;
}

export function swatch(mixer) {
  return svg(
    "svg",
    { viewBox: "0 0 10 10", "aria-hidden": "true" },
    svg("rect", { width: 10, height: 10, rx: 2, fill: colour(mixer) }),
  );
}

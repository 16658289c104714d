"""The style of the page and its script."""

#: Colours of gradio's theme with too little contrast for WCAG 2 AA, and what replaces them.
COLOURS = {
    "body_text_color_subdued": "*neutral_600",
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
}

STYLE = """
.gradio-container {width: 100%; min-width: 0; max-width: 1200px !important; margin: 0 auto !important}
.gradio-container .main {padding: 8px clamp(12px, 3vw, 32px) !important}
.gradio-container .main > .wrap {padding: 0 !important}
.gradio-container main {width: 100%; min-width: 0; padding: 0 !important}
.gradio-container main > .column {gap: 12px}
#title h1 {font-size: 1.4rem; margin: 0}
#status .html-container, .answer .html-container {padding: 0}
#status p {font-size: 1.1rem; font-weight: 600; line-height: 1.5; margin: 0; min-height: 1.5em}
#status p.problem::before {content: "⚠ "}
.beside {display: grid !important; gap: 16px; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr)}
.beside > * {min-width: 0 !important}
.beside > .column {gap: 12px}
.picture {align-self: start}
.picture img {max-height: min(560px, 62vh); object-fit: contain}
#picture img {cursor: crosshair; user-select: none}
.gradio-container:has(#status .start) #picture::after
  {content: "Click on an object"; position: absolute; bottom: 12px; left: 50%; translate: -50%;
  padding: 4px 16px; border-radius: 999px; background: #000d; color: #fff; font-weight: 600;
  white-space: nowrap; pointer-events: none}
#names {min-height: 252px}
#names h2 {font-size: 1.4rem; padding: 20px 0 8px}
.answer {overflow: auto; max-height: 400px}
.answer table {width: 100%; border-collapse: collapse; font-size: 0.9rem; margin: 0}
.answer th, .answer td {text-align: left; padding: 4px 8px; border-bottom: 1px solid currentColor}
.answer .swatch {display: inline-block; width: 1.2em; height: 1.2em; vertical-align: middle}
.answer .swatch {border: 1px solid currentColor}
#pictures {display: grid; grid-template-columns: 200px minmax(0, 1fr); align-items: start}
#examples .grid-wrap {min-height: 0 !important; max-height: none !important; overflow: visible}
#examples .grid-container
  {grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); padding-top: 28px}
#about {font-size: 0.9rem}
button:focus-visible, input:focus-visible, textarea:focus-visible {outline: 3px solid #0072b2 !important}
button[role=tab].selected {color: inherit; font-weight: 600}
button.lg, button.md {min-height: 44px}
button.md {font-size: 0.9rem; padding: 4px; white-space: nowrap}
@media (max-width: 699px) {
  #title h1 {font-size: 1.15rem}
  #status p {font-size: 1rem; min-height: 3em}
  .beside, #pictures {grid-template-columns: minmax(0, 1fr)}
  #vocabulary .form > * {min-width: 100% !important}
  .answer {max-height: none}
  button.md {white-space: normal}
}
"""

#: Dragging with mouse or pen fills in the box and sends it; a finger scrolls, and marks two corners.
SCRIPT = """
<script>
(() => {
  let start = null, dragged = false;
  const image = event => event.target.closest && event.target.closest('#picture') &&
    document.querySelector('#picture img');
  const place = (event, img) => {
    const r = img.getBoundingClientRect();
    const s = Math.min(r.width / img.naturalWidth, r.height / img.naturalHeight);
    const left = r.left + (r.width - img.naturalWidth * s) / 2;
    const top = r.top + (r.height - img.naturalHeight * s) / 2;
    const within = (v, n) => Math.min(Math.max(v / s, 0), n);
    const [w, h] = [img.naturalWidth, img.naturalHeight];
    return [within(event.clientX - left, w), within(event.clientY - top, h)];
  };
  document.addEventListener('dragstart', event => { if (image(event)) event.preventDefault(); });
  document.addEventListener('pointerdown', event => {
    const img = image(event);
    dragged = false;
    if (!img || event.pointerType === 'touch') { start = null; return; }
    start = {x: event.clientX, y: event.clientY, at: place(event, img)};
  });
  document.addEventListener('pointerup', event => {
    const img = document.querySelector('#picture img');
    if (!start || !img) return;
    const far = Math.hypot(event.clientX - start.x, event.clientY - start.y) > 8;
    const [x0, y0] = start.at, [x1, y1] = place(event, img);
    start = null;
    if (!far) return;
    dragged = true;
    window.draggedBox = [x0, y0, x1, y1].map(v => v.toFixed(1)).join(' ');
    document.querySelector('button#dragged').click();
  });
  document.addEventListener('click', event => {
    if (!event.isTrusted) return;  // the one above
    if (dragged && image(event)) { event.stopImmediatePropagation(); event.preventDefault(); }
    dragged = false;
  }, true);
})();
</script>
"""
#: Puts the dragged box in the place of the second input.
TAKE_BOX = "(visit, box, ...words) => [visit, window.draggedBox, ...words]"

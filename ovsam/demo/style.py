"""The style of the page and its script."""

STYLE = """
.gradio-container {max-width: 1200px !important; margin: 0 auto !important}
.gradio-container main {width: 100%}
#names {min-height: 300px}
#picture img {cursor: crosshair; user-select: none}
#status p {font-weight: 600; margin: 0; min-height: 1.5em}
#status p.problem::before {content: "⚠ "}
#found table, #legend table {width: 100%; border-collapse: collapse}
#found th, #found td, #legend th, #legend td
  {text-align: left; padding: 4px 8px; border-bottom: 1px solid currentColor}
#legend .swatch {display: inline-block; width: 1.2em; height: 1.2em; vertical-align: middle}
#legend .swatch {border: 1px solid currentColor}
button:focus-visible, input:focus-visible, textarea:focus-visible {outline: 3px solid #0072b2 !important}
button.lg {min-height: 44px}
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

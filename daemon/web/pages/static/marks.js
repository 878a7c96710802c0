// The marks in the picture: where the reasons say that something is wrong.

// Paints corners around the places that the reasons name, with the numbers of these reasons. See `marksOf`.
export function paintMarks(context, box, marks, ratio) {
  for (const mark of marks) {
    const inset = 0.82 * mark.r;
    const [left, right] = [-1, 1].map((side) => box.x + (mark.x + side * inset) * box.width);
    const [top, bottom] = [-1, 1].map((side) => box.y + (mark.y + side * inset) * box.height);
    const length = 0.16 * Math.min(right - left, bottom - top);
    const colour = mark.numbers.includes(1) ? "#ffd23e" : "#ffffff";
    for (const [stroke, width] of [["rgb(0 0 0 / 0.5)", 4], [colour, 2]]) {
      context.strokeStyle = stroke;
      context.lineWidth = width * ratio;
      context.lineCap = "round";
      context.beginPath();
      for (const [x, dx] of [[left, length], [right, -length]]) {
        for (const [y, dy] of [[top, length], [bottom, -length]]) {
          context.moveTo(x + dx, y);
          context.lineTo(x, y);
          context.lineTo(x, y + dy);
        }
      }
      context.stroke();
    }
    mark.numbers.forEach((number, n) => paintNumber(context, ratio, String(number), left + (n * 24 + 4) * ratio, top + 4 * ratio, colour));
  }
}

function paintNumber(context, ratio, text, x, y, colour) {
  context.fillStyle = colour;
  context.strokeStyle = "rgb(0 0 0 / 0.5)";
  context.lineWidth = ratio;
  context.beginPath();
  context.arc(x, y, 10 * ratio, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.fillStyle = "#16181a";
  context.font = `700 ${12 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x, y + ratio * 0.5);
}

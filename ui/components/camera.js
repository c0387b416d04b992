// "Take a photo": on a telephone or tablet this opens the camera in its full resolution,
// and hands the photo to the uploader of the page as if it had been chosen there.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const input = parentElement.querySelector("input");
  button.textContent = data.label;
  button.onclick = () => input.click();
  input.onchange = () => {
    const target = document.querySelector(
      '[data-testid="stFileUploaderDropzone"] input[type=file]');
    if (!target || !input.files.length) return;
    const transfer = new DataTransfer();
    for (const file of input.files) transfer.items.add(file);
    target.files = transfer.files;
    target.dispatchEvent(new Event("change", { bubbles: true }));
    input.value = "";
  };
}

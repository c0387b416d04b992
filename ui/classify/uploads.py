"""The uploader: drop, choose or paste photos, upload a folder, try demo coins."""

from __future__ import annotations

import streamlit as st

from coin_core.i18n import _, ngettext, translate
from coin_core.imaging.photo_io import ACCEPTED, MAX_BYTES
from coin_core.storage import dump_json
from ui.classify.demo import show_demo_coins
from ui.classify.session import UploadSession
from ui.components.custom import camera_button
from ui.errors import show_error
from ui.formatting import accepted_files, as_text
from ui.handover import take_sent_photos
from ui.memory import MAX_UPLOAD_MB, show_refused_uploads, take_uploads

# The browser gives pasted pictures to the page, not to the uploader, and the uploader
# drops files that are too large without a word; the script handles both. It stays when
# the visitor goes to another page, which has no place for its note.
_SCRIPT = """<script>
if (!window.coinDrops) {
  const zone = '[data-testid="stFileUploaderDropzone"]';
  const field = "textarea, [contenteditable], input:not([type=checkbox], "
    + "[type=radio], [type=range], [type=file])";
  const findNote = () => document.getElementById("coin-too-large");
  const refuse = (files) => {
    const note = findNote(), { most, sentence } = window.coinDrops;
    if (note) note.textContent = [...files].filter((file) => file.size > most)
      .map((file) => sentence.replace("NAME", () => file.name)).join(" ");
  };
  document.addEventListener("drop", (event) => {
    if (event.target.closest(zone)) refuse(event.dataTransfer.files);
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.closest(zone) && event.target.files) refuse(event.target.files);
  }, true);
  document.addEventListener("paste", (event) => {
    const input = document.querySelector(zone + " input[type=file]");
    const files = [...(event.clipboardData?.files ?? [])];
    if (!findNote() || !input || !files.length) return;
    if (event.composedPath()[0].closest?.(field)) return;
    // Cells of a table come with a picture of them; a file comes with its name.
    const text = event.clipboardData.getData("text/plain");
    if (text && !files.some((file) => text.includes(file.name))) return;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
window.coinDrops = { most: MOST, sentence: SENTENCE };
</script>"""

_MOST_NAMED = 5


def _script() -> str:
    too_large = _("{name} is larger than {size} MB; {accepted}.").format(
        name="NAME", size=MAX_UPLOAD_MB, accepted=translate(ACCEPTED)
    )
    sentence = dump_json(too_large, ensure_ascii=True)
    return _SCRIPT.replace("MOST", str(MAX_BYTES)).replace("SENTENCE", sentence)


def show_uploader(session: UploadSession) -> None:
    """The drop zone, the camera, the folder switch and the demo coins."""
    first = None
    for sent in take_sent_photos():
        session.add([(sent.name, sent.data)], rendered_as=sent.rendered_as)
        first = first or session.selected
        if sent.box is not None and session.selected is not None:
            # As if the visitor had drawn it here.
            session.crops[session.selected] = sent.box
            st.session_state[f"correct_{session.selected}"] = True
        session.repeated = []  # opened again on purpose
    session.selected = first or session.selected
    whole_folder = st.session_state.get("whole_folder", False)
    files = st.file_uploader(
        _("Drop photos of coins here, or paste one"),
        accept_multiple_files="directory" if whole_folder else True,
        key=f"drop_{session.upload_count}_{whole_folder}",
        max_upload_size=MAX_UPLOAD_MB,
        help=accepted_files(),
    )
    camera_button(data={"label": _("Take a photo")}, key="camera", height="content")
    with st.sidebar:
        st.html(_script(), unsafe_allow_javascript=True)
    st.html('<div id="coin-too-large" class="coin-refused" role="alert"></div>')
    show_refused_uploads()
    if files:
        session.add(take_uploads(files))
        st.rerun()  # draws an empty uploader; the session holds the photos
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(_("Pick a whole folder"), key="whole_folder", persist_state="session")
        if session.photos:
            with st.popover(
                _("Demo coins"),
                type="tertiary",
                key=f"demo_coins_{session.upload_count}",
            ):
                show_demo_coins(session)
        if session.photos or session.problems:
            st.caption(
                ngettext(
                    "{count} photo kept for this session ({size} MB)",
                    "{count} photos kept for this session ({size} MB)",
                    len(session.photos),
                ).format(
                    count=len(session.photos),
                    size=f"{session.size_bytes / 2**20:.1f}",
                ),
                width="content",
            )
            if st.button(_("Clear all"), icon=":material/delete:", type="tertiary"):
                session.clear()
                st.rerun()
    if not session.photos:
        st.markdown(_("**No photo at hand? Try one of these rendered coins:**"))
        show_demo_coins(session)


def show_problems(session: UploadSession) -> None:
    """What became of the files of the last upload that are not among the photos."""
    for message in session.problems:
        show_error(message)
    if not session.repeated:
        return
    told = [
        (
            _("{name} was there already.")
            if name == other
            else _("{name} is the same photo as {other}, and is kept once.")
        ).format(name=as_text(name), other=as_text(other))
        for name, other in session.repeated[:_MOST_NAMED]
    ]
    if more := len(session.repeated) - len(told):
        words = ngettext(
            "{count} more was there already.",
            "{count} more were there already.",
            more,
        )
        told.append(words.format(count=more))
    st.caption(" ".join(told))

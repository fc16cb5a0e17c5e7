// Shows each note as soon as it is committed. After an absence the page is loaded again: it may have missed some.
const board = document.querySelector('#board')
let absent = false

function show(note) {
  if (!note.id) return // a greeting
  const old = document.getElementById(`note-${note.id}`)
  if (note.deleted) { old?.remove(); return }
  const item = document.createElement('li')
  item.id = `note-${note.id}`
  item.className = note.pinned ? 'pinned' : ''
  item.textContent = note.text
  old ? old.replaceWith(item) : board.prepend(item)
}

function listen() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/live/`)
  socket.onopen = () => { if (absent) location.reload() }
  socket.onmessage = event => show(JSON.parse(event.data))
  socket.onclose = () => { absent = true; setTimeout(listen, 1000 + 1000 * Math.random()) }
}
listen()

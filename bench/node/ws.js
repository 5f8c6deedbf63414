// What one socket says is sent to every other: `node ws.js PORT`.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.on("connection", (socket) => {
  socket.send("ready");
  socket.on("message", (text) => {
    const frame = text.toString();
    for (const other of server.clients) if (other !== socket) other.send(frame);
  });
});

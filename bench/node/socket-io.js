// What one socket says is sent to every other, all in one room: `node socket-io.js PORT`.
const { Server } = require("socket.io");

const server = new Server(Number(process.argv[2]), { transports: ["websocket"] });

server.on("connection", (socket) => {
  socket.join("document");
  socket.on("change", (frame) => socket.broadcast.to("document").emit("frame", frame));
});

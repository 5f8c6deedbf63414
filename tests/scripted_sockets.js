/** Sockets that say what a test wants, and a clock that goes when it is told to, for one client. */
async (core, model) => {
  const later = setTimeout;
  const clock = { now: 1000, last: 0, timers: new Map() };
  const settled = () => new Promise((done) => later(done));
  window.MODEL = model;
  window.date = 1.8e12; // by the page's clock, which may jump
  performance.now = () => clock.now;
  Date.now = () => date + clock.now;
  window.setTimeout = (then, wait = 0) => {
    clock.timers.set(++clock.last, { then, at: clock.now + wait });
    return clock.last;
  };
  window.clearTimeout = (timer) => clock.timers.delete(timer);
  window.pass = async (seconds = 0) => {
    const end = clock.now + seconds * 1000;
    for (;;) {
      await settled();
      const [next] = [...clock.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (!next) break;
      clock.timers.delete(next[0]);
      clock.now = Math.max(clock.now, next[1].at);
      next[1].then();
    }
    clock.now = end;
  };
  class Socket {
    static all = [];
    sent = [];
    constructor(url) {
      this.ticket = new URL(url).searchParams.get("ticket");
      Socket.all.push(this);
    }
    send(text) {
      const frame = JSON.parse(text);
      this.sent.push(frame);
      if (frame.action === "ping" && !this.deaf) queueMicrotask(() => this.say({ type: "PONG" }));
    }
    close() { this.closed = true; }
    say(...frames) {
      for (const frame of frames) {
        const data = typeof frame === "string" ? frame : JSON.stringify(frame);
        try { this.onmessage?.({ data }); } catch (error) { thrown.push(error.name); }
      }
    }
    end(code) { this.onclose?.({ code }); }
  }
  const { connect } = await import(URL.createObjectURL(new Blob([core], { type: "text/javascript" })));
  window.begin = (more) => {
    clock.timers.clear();
    Socket.all = [];
    Object.assign(window, { asked: [], statuses: [], thrown: [], drawn: 0.5 });
    window.earshot = connect({
      url: "ws://server.example/ws/",
      WebSocket: Socket,
      credentials: ({ renew }) => (asked.push(renew), `ticket ${asked.length}`),
      onstatus: ({ state, code, delay }) => statuses.push([state, code, delay]),
      ...more,
    });
    earshot.connect();
  };
  window.last = () => Socket.all.at(-1);
  window.sockets = () => Socket.all.length;
  window.sent = () => last().sent.map(({ action, id }) => [action, id ?? "window"]);
  Math.random = () => drawn;
  window.WELCOME = {
    type: "WELCOME", heartbeat: 20, expires: null, retry: { min: 1, max: 5 },
    limits: { frames_per_second: 50, frames_burst: 1000 },
  };
  window.open = async (more, frame) => {
    begin(more);
    await pass();
    last().say({ ...WELCOME, ...frame });
  };
  window.ends = (after) => new Date(Date.now() + after * 1000).toISOString();
  window.state = (etag, about) =>
    ({ type: "UPDATE_DOCUMENT", model: MODEL, id: "a", audience: "viewer", etag, payload: { title: etag }, ...about });
  window.live = async (more, frame) => {
    await open(more, frame);
    window.copy = earshot.object(MODEL, "a");
    window.stop = copy.subscribe(() => {});
    last().say(state("one", { type: "SUBSCRIBED", ref: 1 }));
    await pass();
  };
  window.shown = () => [copy.value.state, copy.value.payload?.title];
};

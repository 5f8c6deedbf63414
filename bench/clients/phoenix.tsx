import { Socket } from "phoenix";
import { useEffect, useState } from "react";
import { show, Titles, type Document } from "./common";

const socket = new Socket("/socket", { params: () => ({ token: localStorage.token }) });
socket.connect();
const channel = socket.channel("documents");

function Documents() {
  const [documents, setDocuments] = useState<Document[]>([]);
  useEffect(() => {
    const saved = channel.on("saved", (document: Document) =>
      setDocuments((all) =>
        all.some(({ id }) => id === document.id)
          ? all.map((each) => (each.id === document.id ? document : each))
          : [document, ...all],
      ),
    );
    const deleted = channel.on("deleted", ({ id }: Document) =>
      setDocuments((all) => all.filter((each) => each.id !== id)),
    );
    channel.join().receive("ok", ({ documents }: { documents: Document[] }) => setDocuments(documents));
    return () => {
      channel.off("saved", saved);
      channel.off("deleted", deleted);
    };
  }, []);
  return <Titles documents={documents} rename={(id, title) => channel.push("rename", { id, title })} />;
}

show(<Documents />);

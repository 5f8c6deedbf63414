import Echo from "laravel-echo";
import Pusher from "pusher-js";
import { useEffect, useState } from "react";
import { call, show, Titles, type Document } from "./common";

const echo = new Echo({ broadcaster: "reverb", key: "key", Pusher, bearerToken: localStorage.token });

function Documents() {
  const [documents, setDocuments] = useState<Document[]>([]);
  useEffect(() => {
    const load = async () => setDocuments(await call<Document[]>("GET", "/api/documents"));
    const saved = (document: Document) =>
      setDocuments((all) =>
        all.some(({ id }) => id === document.id)
          ? all.map((each) => (each.id === document.id ? document : each))
          : [document, ...all],
      );
    const deleted = ({ id }: Document) => setDocuments((all) => all.filter((each) => each.id !== id));
    echo.private("documents").subscribed(load).listen("DocumentSaved", saved).listen("DocumentDeleted", deleted);
    return () => echo.leave("documents");
  }, []);
  return <Titles documents={documents} rename={(id, title) => call("PATCH", `/api/documents/${id}`, { title })} />;
}

show(<Documents />);

import { Centrifuge } from "centrifuge";
import { useEffect, useState } from "react";
import { call, show, Titles, type Document } from "./common";

type Publication = { saved?: Document; deleted?: string };

const centrifuge = new Centrifuge("/connection/websocket", { getToken: () => call<string>("POST", "/api/token/") });
centrifuge.connect();

function Documents() {
  const [documents, setDocuments] = useState<Document[]>([]);
  useEffect(() => {
    const subscription = centrifuge.newSubscription("documents", {
      getToken: () => call<string>("POST", "/api/subscription-token/"),
    });
    subscription.on("subscribed", async ({ wasRecovering, recovered }) => {
      if (!(wasRecovering && recovered)) setDocuments(await call<Document[]>("GET", "/api/documents/"));
    });
    subscription.on("publication", ({ data: { saved, deleted } }: { data: Publication }) =>
      setDocuments((all) => {
        if (!saved) return all.filter(({ id }) => id !== deleted);
        const known = all.some(({ id }) => id === saved.id);
        return known ? all.map((each) => (each.id === saved.id ? saved : each)) : [saved, ...all];
      }),
    );
    subscription.subscribe();
    return () => centrifuge.removeSubscription(subscription);
  }, []);
  return <Titles documents={documents} rename={(id, title) => call("PATCH", `/api/documents/${id}/`, { title })} />;
}

show(<Documents />);

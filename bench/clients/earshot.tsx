import { connect } from "earshot";
import { useCollection } from "earshot/react";
import { call, show, Titles, type Document } from "./common";

const MODEL = "resources.document";
const earshot = connect({ url: "/ws/", credentials: () => call<{ ticket: string }>("POST", "/api/tickets/") });

function Documents() {
  const { rows } = useCollection<Document>(earshot, MODEL);
  const rename = (id: string, title: string) =>
    earshot.object<Document>(MODEL, id).write({ title }, () => call("PATCH", `/api/documents/${id}/`, { title }));
  return <Titles documents={rows.map(({ payload }) => payload!)} rename={rename} />;
}

show(<Documents />);

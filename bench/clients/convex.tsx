import { ConvexProvider, ConvexReactClient, useMutation, useQuery } from "convex/react";
import { list, rename } from "./convex-references";
import { call, show, Titles } from "./common";

const convex = new ConvexReactClient("https://documents.example");
convex.setAuth(() => call<string>("POST", "/api/token/"));

function Documents() {
  const documents = useQuery(list) ?? [];
  const write = useMutation(rename);
  return <Titles documents={documents} rename={(id, title) => write({ id, title })} />;
}

show(
  <ConvexProvider client={convex}>
    <Documents />
  </ConvexProvider>,
);

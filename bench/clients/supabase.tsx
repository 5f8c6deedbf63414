import { createClient } from "@supabase/supabase-js";
import { useEffect, useState } from "react";
import { call, show, Titles, type Document } from "./common";

const accessToken = () => call<string>("POST", "/api/token/");
const supabase = createClient("https://documents.example", "publishable key", { accessToken });

function Documents() {
  const [documents, setDocuments] = useState<Document[]>([]);
  useEffect(() => {
    const load = async () => {
      const { data } = await supabase.from("documents").select("id, title").order("created_at", { ascending: false });
      if (data) setDocuments(data);
    };
    const channel = supabase
      .channel("documents")
      .on("postgres_changes", { event: "*", schema: "public", table: "documents" }, load)
      .subscribe((status) => status === "SUBSCRIBED" && load());
    return () => void supabase.removeChannel(channel);
  }, []);
  const rename = (id: string, title: string) =>
    supabase.from("documents").update({ title }).eq("id", id).throwOnError();
  return <Titles documents={documents} rename={rename} />;
}

show(<Documents />);

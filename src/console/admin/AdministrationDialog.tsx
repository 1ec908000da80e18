/** For administrators: who there is, what was asked for, and what was spent. */
import "../styles/rooms.css";
import { ChartBarIcon, ListMagnifyingGlassIcon, UsersIcon } from "@phosphor-icons/react";
import { useState } from "react";
import type { Tab } from "../ui/TabbedDialog.tsx";
import { TabbedDialog } from "../ui/TabbedDialog.tsx";
import { PeoplePage } from "./PeoplePage.tsx";
import { RequestsPage } from "./RequestsPage.tsx";
import { adminTexts } from "./texts.ts";
import { UsagePage } from "./UsagePage.tsx";

type PageId = "people" | "requests" | "usage";

export function AdministrationDialog({ close }: { close(): void }) {
  const [page, setPage] = useState<PageId>("people");
  const tabs: readonly Tab<PageId>[] = [
    { id: "people", label: adminTexts.people, icon: UsersIcon, page: () => <PeoplePage close={close} /> },
    {
      id: "requests",
      label: adminTexts.requests,
      icon: ListMagnifyingGlassIcon,
      page: () => <RequestsPage />,
    },
    { id: "usage", label: adminTexts.usage, icon: ChartBarIcon, page: () => <UsagePage /> },
  ];
  return (
    <TabbedDialog<PageId> title={adminTexts.title} tabs={tabs} shown={page} turn={setPage} close={close} />
  );
}

/** The reader's messages inside of an answer, where the agent had read them. */
import { ArrowBendDownRightIcon } from "@phosphor-icons/react";
import { texts } from "../texts.ts";
import { useShown } from "./ChatContext.tsx";
import { UserMessage } from "./UserMessage.tsx";

export function Joined({ messageIds }: { messageIds: readonly string[] }) {
  const joined = useShown((chat) => chat.joined);
  return messageIds.map((id) => {
    const message = joined.get(id);
    return (
      message && (
        <UserMessage
          key={id}
          message={message}
          footer={
            <p className="notice">
              <ArrowBendDownRightIcon aria-hidden="true" />
              {texts.waiting.joined}
            </p>
          }
        />
      )
    );
  });
}

/** A button that is an icon: always with a name for those who cannot see it, and a tooltip for those who can. */
import { Button } from "@cloudflare/kumo/components/button";
import { Tooltip } from "@cloudflare/kumo/components/tooltip";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";

type Rest = Omit<
  ButtonHTMLAttributes<HTMLButtonElement>,
  "children" | "title" | "className" | "aria-label" | "aria-labelledby"
>;

export interface IconButtonProps extends Rest {
  icon: ReactNode;
  label: string;
  /** Shown in the tooltip, for example "⌘K". */
  shortcut?: string;
  size?: "sm" | "base";
  variant?: "ghost" | "primary" | "secondary";
  side?: "top" | "bottom" | "left" | "right";
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton(props: IconButtonProps) {
  const { icon, label, shortcut, size = "base", variant = "ghost", side = "bottom", ref, ...rest } = props;
  return (
    <Tooltip
      content={shortcut ? `${label}  ${shortcut}` : label}
      side={side}
      render={
        <Button
          {...rest}
          {...(ref && { ref })}
          type="button"
          variant={variant}
          shape="square"
          size={size}
          aria-label={label}
        >
          {icon}
        </Button>
      }
    />
  );
}

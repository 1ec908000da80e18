/** Gives the reader a file, as a link to it would. */
export function download(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken its own hold of the content by then.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

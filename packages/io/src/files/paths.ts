/** The ending of a file's name, with its dot and in lower case; empty if there is none. */
export function extensionOf(path: string): string {
  const [, extension = ''] = /[^/\\](\.[^./\\]*)$/.exec(path) ?? [];
  return extension.toLowerCase();
}

/** The folder of a file; `.` where the path names none. */
export function folderOf(path: string): string {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  return end < 0 ? '.' : path.slice(0, Math.max(end, 1));
}

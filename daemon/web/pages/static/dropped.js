// Finds the files in what is dropped or chosen, each with the folder that it lies in.
const IGNORED = /^(\.|~)|^(thumbs\.db|desktop\.ini)$/i;

// items: of a drop. Returns [{file, folder}], and what cannot be read as {name, folder}.
export async function dropped(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean); // before any await
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found.filter(({ file, name }) => !IGNORED.test(file?.name ?? name));
}

// files: of an input. Those of a folder say where in it they lie.
export const chosen = (files) =>
  [...files].filter((file) => !IGNORED.test(file.name)).map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") }));

async function walk(entry, folder, found) {
  if (entry instanceof File) return void found.push({ file: entry, folder });
  try {
    if (entry.isFile) return void found.push({ file: await new Promise((yes, no) => entry.file(yes, no)), folder });
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((yes, no) => reader.readEntries(yes, no)); // a hundred at a time
      if (!some.length) return;
      for (const each of some) await walk(each, folder ? `${folder}/${entry.name}` : entry.name, found);
    }
  } catch {
    found.push({ name: entry.name, folder });
  }
}

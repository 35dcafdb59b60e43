// Unpacks the browser into TMPDIR and its libraries beside it; the last line printed is the browser's path.
import { createReadStream, createWriteStream } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

import chromium from "@sparticuz/chromium";

const target = process.argv[2];
let folder = dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium"));
while (!folder.endsWith("chromium")) folder = dirname(folder);
await pipeline(
  createReadStream(join(folder, "bin", "al2023.tar.br")),
  createBrotliDecompress(),
  createWriteStream(join(target, "libraries.tar")),
);
console.log(await chromium.executablePath());

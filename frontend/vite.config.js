import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

const house = join(import.meta.dirname, "..", "fiberledger");
const sprites = join(house, "screens", "static", "i");
const icons = join(import.meta.dirname, "node_modules", "lucide-static", "icons");

// Icons are named in Python and in templates: icon="wallet", icon("wallet"), {% icon "wallet" %}, looks("good", "check", …).
const naming = [
  /(?<!\.)\bicon\s*[=:(]?\s*["']([a-z][a-z0-9-]*)["']/g,
  /\blooks\(\s*["'][a-z]+["'],\s*["']([a-z0-9-]+)["']/g,
  /["']([a-z]+(?:-[a-z0-9]+)*)["']/g,
];

function usedIcons() {
  const found = new Set();
  const asked = new Set();
  for (const file of globSync("**/*.{py,html}", { cwd: house, exclude: (name) => name === "dist" || name === "tests" })) {
    const text = readFileSync(join(house, file), "utf8");
    naming.forEach((pattern, index) => {
      // The last pattern takes any word in quotes, where icons are likely to stand: it only ever adds icons that exist.
      if (index === 2 && !/(navigation|palette|figures|parts|screens|cells|registry|services|views|states|screen|pages)\.py$/.test(file)) return;
      for (const [, name] of text.matchAll(pattern)) {
        if (existsSync(join(icons, `${name}.svg`))) found.add(name);
        else if (index < 2) asked.add(`${name} (${file})`);
      }
    });
  }
  return { found: [...found].sort(), missing: [...asked] };
}

/** One SVG with a symbol for every icon the product uses, and nothing else. */
function sprite() {
  return {
    name: "sprite",
    generateBundle() {
      const { found, missing } = usedIcons();
      if (missing.length) this.warn(`not in Lucide: ${missing.join(", ")}`);
      const symbols = found.map((name) => {
        const inner = readFileSync(join(icons, `${name}.svg`), "utf8")
          .replace(/<!--.*?-->/s, "")
          .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
          .replace("</svg>", "")
          .replace(/\s+/g, " ")
          .trim();
        return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
      });
      const source = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
      // Its address stands beside every icon of a page, so it is a short one.
      const file = `${createHash("sha256").update(source).digest("hex").slice(0, 6)}.svg`;
      rmSync(sprites, { recursive: true, force: true });
      mkdirSync(sprites, { recursive: true });
      writeFileSync(join(sprites, file), source);
      this.emitFile({ type: "asset", fileName: "sprite.json", source: JSON.stringify({ file: `i/${file}`, icons: found }) });
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [tailwindcss(), sprite()],
  publicDir: false,
  build: {
    outDir: join(house, "screens", "static", "screens", "dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { app: "src/app.js", chart: "src/chart.js" },
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
});

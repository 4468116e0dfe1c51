import { BarChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, PieChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const drawn = new Set();

/** The browser turns any CSS colour into one a canvas understands. */
function colour(element, name) {
  const probe = document.createElement("i");
  element.append(probe);
  probe.style.color = `var(${name})`;
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  context.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${r},${g},${b},${a / 255})`;
}

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const long = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

function readTable(box) {
  const table = box.closest("figure").querySelector(".chart-table table");
  const heads = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
  return {
    labels: rows.map(([label]) => label.textContent.trim()),
    series: heads.map((name, i) => ({ name, values: rows.map((cells) => Number(cells[i + 1].dataset.v)) })),
  };
}

function options(box) {
  const { chart: kind, unit = "" } = box.dataset;
  const { labels, series } = readTable(box);
  const text = colour(box, "--quiet");
  const hair = colour(box, "--hair");
  const ink = colour(box, "--color-base-content");
  const paper = colour(box, "--color-base-100");
  const palette = [1, 2, 3, 4, 5, 6].map((n) => colour(box, `--c${n}`));
  const rtl = document.dir === "rtl";
  const font = getComputedStyle(document.body).fontFamily;
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const say = (value) => `${long.format(value)}${unit ? ` ${unit}` : ""}`;
  const base = {
    animation: !quiet,
    animationDuration: 350,
    color: palette,
    textStyle: { fontFamily: font, color: text },
    tooltip: {
      renderMode: "richText",
      trigger: kind === "donut" ? "item" : "axis",
      backgroundColor: paper,
      borderColor: hair,
      textStyle: { color: ink, fontSize: 12, fontFamily: font },
      valueFormatter: say,
      axisPointer: { type: kind === "line" ? "line" : "shadow", lineStyle: { color: hair }, shadowStyle: { color: hair, opacity: 0.35 } },
    },
    legend: series.length > 1 || kind === "donut" ? { bottom: 0, icon: "circle", itemWidth: 8, itemHeight: 8, textStyle: { color: text }, type: "scroll" } : undefined,
  };
  if (kind === "donut") {
    return {
      ...base,
      series: [
        {
          type: "pie",
          radius: ["56%", "78%"],
          center: ["50%", "44%"],
          label: { show: false },
          itemStyle: { borderColor: paper, borderWidth: 2, borderRadius: 4 },
          data: labels.map((name, i) => ({ name, value: series[0].values[i] })),
        },
      ],
    };
  }
  if (kind === "across") {
    return {
      ...base,
      grid: { top: 4, left: 4, right: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", inverse: rtl, splitNumber: 4, splitLine: { lineStyle: { color: hair } }, axisLabel: { color: text, formatter: (value) => short.format(value) } },
      yAxis: {
        type: "category",
        data: labels,
        inverse: true,
        position: rtl ? "right" : "left",
        axisTick: { show: false },
        axisLine: { lineStyle: { color: hair } },
        axisLabel: { color: text, width: 120, overflow: "truncate", interval: 0 },
      },
      series: series.map(({ name, values }) => ({
        name,
        type: "bar",
        data: values,
        barMaxWidth: 22,
        itemStyle: { borderRadius: rtl ? [4, 0, 0, 4] : [0, 4, 4, 0] },
      })),
    };
  }
  return {
    ...base,
    grid: { top: 12, left: 4, right: 4, bottom: series.length > 1 ? 30 : 4, containLabel: true },
    xAxis: {
      type: "category",
      data: labels,
      inverse: rtl,
      boundaryGap: kind !== "line",
      axisTick: { show: false },
      axisLine: { lineStyle: { color: hair } },
      axisLabel: { color: text, hideOverlap: true },
    },
    yAxis: {
      type: "value",
      position: rtl ? "right" : "left",
      splitNumber: 4,
      splitLine: { lineStyle: { color: hair } },
      axisLabel: { color: text, formatter: (value) => short.format(value) },
    },
    series: series.map(({ name, values }, i) =>
      kind === "line"
        ? {
            name,
            type: "line",
            data: values,
            smooth: 0.25,
            showSymbol: values.length < 3,
            symbolSize: 6,
            lineStyle: { width: 2 },
            areaStyle: series.length === 1 ? { color: palette[i], opacity: 0.12 } : undefined,
          }
        : {
            name,
            type: "bar",
            data: values,
            stack: kind === "stacked" ? "all" : undefined,
            barMaxWidth: 28,
            itemStyle: { borderRadius: kind === "stacked" ? 0 : [4, 4, 0, 0] },
          },
    ),
  };
}

export function plot(box) {
  if (drawn.has(box)) return;
  drawn.add(box);
  const chart = echarts.init(box, null, { renderer: "canvas" });
  const paint = () => chart.setOption(options(box), true);
  paint();
  new ResizeObserver(() => chart.resize()).observe(box);
  document.addEventListener("themechange", paint);
}

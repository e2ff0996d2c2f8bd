import { parentPort, workerData } from 'node:worker_threads';
import type { PeriodStats } from '../promotions/stats.js';
import { promotionsChart } from './promotions-chart.js';

/** Runs in its own thread: draws what it was started with, posts the PNG, and ends. */
const stats: PeriodStats = workerData;
parentPort?.postMessage(promotionsChart(stats));

import { parentPort, workerData } from 'node:worker_threads';
import type { PeriodStats } from '../promotions/stats.js';
import { promotionsChart } from './promotions-chart.js';

/** A thread of its own: draws what it was started with, posts the PNG, and ends. */
const stats: PeriodStats = workerData;
parentPort?.postMessage(promotionsChart(stats));

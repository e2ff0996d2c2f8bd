/**
 * Tests of whole processes wait for them, and a busy machine can starve one past every patience. In CI, where a red run costs
 * more than a look, such a test is run again, and what it failed with is printed first; elsewhere it fails at once.
 */
if (process.env['CI'] === 'true') jest.retryTimes(2, { logErrorsBeforeRetry: true });

export * from './index.js';
import * as walpool from './index.js';
export default walpool;

import { describeClosedForms } from '../support/runs/schedules.js';

describeClosedForms(Array.from({ length: 500 }, (_, i) => i + 1));

import { conformance } from './conformance.ts';
import { postgres } from './postgres.ts';

conformance(postgres);

import { describe } from 'node:test';
import { need } from '../../../support/need.ts';
import { kept } from './kept.ts';
import { lookback } from './lookback.ts';
import { prepared } from './prepared.ts';
import { settings } from './settings.ts';
import { sessionSuite } from './suite.ts';
import { transactions } from './transactions.ts';
import { wire } from './wire.ts';

describe('sessions on mariadb', { skip: need('mariadbd') }, () =>
  sessionSuite('mariadb', settings, prepared, lookback, kept, transactions, wire),
);

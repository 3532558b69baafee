import { describe } from 'node:test';
import { need } from '../../../support/need.ts';
import { parameterTypes } from './parameter-types.ts';
import { sessionSuite } from './suite.ts';

describe('types of parameters on mysql', { skip: need('mysqld') }, () =>
  sessionSuite('mysql', parameterTypes),
);

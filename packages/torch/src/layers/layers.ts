import type { Module } from '@unfold/nn';
import type { LayerForm } from './construction.js';

export function formOf(_module: Module): LayerForm | undefined {
  return undefined;
}

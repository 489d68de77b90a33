import { ConfigError } from '@unfold/core';

/**
 * One number for each group.
 * @throws ConfigError for a list that does not have one for each.
 */
export function forGroups(
  where: string,
  name: string,
  given: number | readonly number[],
  groups: number,
): readonly number[] {
  const list = typeof given === 'number' ? Array.from({ length: groups }, () => given) : given;
  if (list.length === groups) return list;
  throw new ConfigError(
    `${where}: ${name}: expected one number for each of ${groups} groups, got ${list.length}`,
  );
}

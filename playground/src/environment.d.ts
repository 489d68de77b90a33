interface ImportMetaEnv {
  /** Of the page, as package.json has it. */
  readonly VERSION: string;
}

/** SQL files are imported as text: the default rule of wrangler and of the test pool. */
declare module "*.sql" {
  const text: string;
  export default text;
}

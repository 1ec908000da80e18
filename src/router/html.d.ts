/** HTML files are imported as text: the default rule of wrangler and of the test pool. */
declare module "*.html" {
  const text: string;
  export default text;
}

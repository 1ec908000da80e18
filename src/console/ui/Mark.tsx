/** The mark: a frond of kelp, and the holdfast that keeps it on its rock. */
export function Mark({ className = "" }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={`mark ${className}`} role="img" aria-label="Holdfast">
      <rect width="32" height="32" rx="9" fill="var(--mark-ground)" />
      <g fill="none" stroke="var(--mark-line)" strokeWidth="2.1" strokeLinecap="round" strokeLinejoin="round">
        <path d="M16 21.5c0-3.2 2.6-4 2.6-7.2S15 9.800 16.400 6" />
        <path
          d="M17.800 16.800c2.600.1 4.600-1.100 5.300-3.700-2.500-.2-4.500.8-5.300 3.700Z"
          fill="var(--mark-line)"
          strokeWidth="1"
        />
        <path
          d="M17.300 12c-2.400.3-4.600-.600-5.600-3.100 2.400-.6 4.700.2 5.600 3.100Z"
          fill="var(--mark-line)"
          strokeWidth="1"
        />
        <path d="M16 21.500c-1.400 0-1.800 2.600-5.200 3.900M16 21.500c1.400 0 1.800 2.600 5.200 3.900M16 21.500v4.600" />
      </g>
    </svg>
  );
}

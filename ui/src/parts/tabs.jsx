// Tabs as a keyboard expects them: arrows move, only the chosen one is in the tab order.
import { useId } from 'preact/hooks';

/**
 * @param {{ label: string, tabs: { id: string, text: string }[], chosen: string, onChoose: (id: string) => void, children: any }} props
 */
export function Tabs({ label, tabs, chosen, onChoose, children }) {
  const own = useId();
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.findIndex(({ id }) => id === chosen) + step + tabs.length) % tabs.length];
    onChoose(next.id);
    document.getElementById(`${own}-${next.id}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map(({ id, text }) => (
          <button
            type="button" key={id} id={`${own}-${id}`} role="tab" aria-selected={id === chosen} aria-controls={`${own}-panel`} tabIndex={id === chosen ? 0 : -1}
            onClick={() => onChoose(id)}
          >
            {text}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id={`${own}-panel`} aria-labelledby={`${own}-${chosen}`}>{children}</div>
    </>
  );
}

// A window over the page: the browser's own dialog, which keeps the focus inside and closes with Esc.
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../state/i18n.js';
import { Icon } from './icon.jsx';

export function Dialog({ title, onClose, wide = false, children }) {
  const element = useRef(null);
  const heading = useId();
  // Before the next key: who opens it by a key types on at once.
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current.showModal();
    element.current.querySelector('[data-first]')?.focus();
    return () => before?.focus?.();
  }, []);
  const outside = (event) => event.target === element.current && onClose();
  return (
    <dialog ref={element} class={wide ? 'dialog dialog-wide' : 'dialog'} aria-labelledby={heading} onClose={onClose} onClick={outside}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" class="quiet square" aria-label={t('Close')} onClick={onClose}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm({ question, action, onConfirm, onClose }) {
  const confirm = () => {
    onClose();
    onConfirm();
  };
  return (
    <Dialog title={question} onClose={onClose}>
      <div class="row end">
        <button type="button" onClick={onClose}>{t('Cancel')}</button>
        <button type="button" class="danger" data-first onClick={confirm}>{action}</button>
      </div>
    </Dialog>
  );
}
